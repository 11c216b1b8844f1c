import * as main from "pointsman";
import * as endpoints from "pointsman/endpoints";
import * as jobs from "pointsman/jobs";
import * as pg from "pointsman/pg";
import * as testing from "pointsman/testing";
import { ask } from "./asking.cjs";

console.log(await ask({ main, pg, testing, endpoints, jobs }));
