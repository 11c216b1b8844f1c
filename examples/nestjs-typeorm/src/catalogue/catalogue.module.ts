import { Module } from "@nestjs/common";
import { TypeOrmModule } from "@nestjs/typeorm";
import { Book, Category, Review } from "../entities.ts";
import { CatalogueController } from "./catalogue.controller.ts";
import { CatalogueService } from "./catalogue.service.ts";

@Module({
  imports: [TypeOrmModule.forFeature([Book, Category, Review])],
  controllers: [CatalogueController],
  providers: [CatalogueService],
})
export class CatalogueModule {}
