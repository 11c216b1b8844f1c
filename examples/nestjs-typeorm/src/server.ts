import { createApp } from "./create-app.ts";

const app = await createApp();
// On SIGTERM and SIGINT the server answers what is under way, and TypeORM's module ends the pool.
app.enableShutdownHooks(["SIGTERM", "SIGINT"], { useProcessExit: true });
await app.listen(process.env["PORT"] ?? 3000);
console.log(`The bookshop is open at ${await app.getUrl()}`);
