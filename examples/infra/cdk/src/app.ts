import { App } from "aws-cdk-lib";
import { DatabaseStack } from "./database-stack.ts";
import { readInputs } from "./inputs.ts";

const app = new App();
new DatabaseStack(app, "PointsmanDatabase", readInputs(app.node));
