import { Controller, Get, Inject } from "@nestjs/common";
import { BackOfficeService } from "./back-office.service.ts";

@Controller("back-office")
export class BackOfficeController {
  constructor(@Inject(BackOfficeService) private readonly backOffice: BackOfficeService) {}

  @Get("report")
  report() {
    return this.backOffice.report();
  }
}
