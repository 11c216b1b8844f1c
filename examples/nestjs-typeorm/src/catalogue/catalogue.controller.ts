import {
  Body,
  Controller,
  DefaultValuePipe,
  Get,
  Inject,
  Param,
  Post,
  Query,
  Redirect,
} from "@nestjs/common";
import { Checked, digits, object, text, wholeNumber } from "../input.ts";
import { CatalogueService } from "./catalogue.service.ts";

const newReview = object({
  customerId: wholeNumber(),
  rating: wholeNumber(1, 5),
  body: text(5000),
});

@Controller()
export class CatalogueController {
  constructor(@Inject(CatalogueService) private readonly catalogue: CatalogueService) {}

  @Get("categories/:slug")
  browse(
    @Param("slug", new Checked(text(100))) slug: string,
    @Query("page", new DefaultValuePipe("1"), new Checked(digits(1000))) page: number,
  ) {
    return this.catalogue.browse(slug, page);
  }

  @Get("books/:id")
  book(@Param("id", new Checked(digits())) id: number) {
    return this.catalogue.book(id);
  }

  @Post("books/:id/reviews")
  @Redirect("/", 303)
  async review(
    @Param("id", new Checked(digits())) bookId: number,
    @Body(new Checked(newReview)) review: ReturnType<typeof newReview>,
  ) {
    await this.catalogue.review({ bookId, ...review });
    return { url: `/books/${bookId}` };
  }
}
