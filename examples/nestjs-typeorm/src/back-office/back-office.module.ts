import { Module } from "@nestjs/common";
import { BackOfficeController } from "./back-office.controller.ts";
import { BackOfficeService } from "./back-office.service.ts";

@Module({ controllers: [BackOfficeController], providers: [BackOfficeService] })
export class BackOfficeModule {}
