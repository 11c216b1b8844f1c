import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { App, CfnResource } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { DatabaseStack } from "../src/database-stack.ts";
import { platforms, readInputs } from "../src/inputs.ts";

const context = {
  vpcId: "vpc-0123456789abcdef0",
  privateSubnetIds: "subnet-0aaaaaaaaaaaaaaa1,subnet-0aaaaaaaaaaaaaaa2",
  availabilityZones: "eu-west-2a,eu-west-2b",
  serviceSecurityGroupId: "sg-0123456789abcdef0",
  platform: "eks",
};

const inputsOf = (changes: Record<string, string> = {}) =>
  readInputs(new App({ context: { ...context, ...changes } }).node);

const templateOf = (changes: Record<string, string> = {}): Template =>
  Template.fromStack(new DatabaseStack(new App(), "Database", inputsOf(changes)));

const template = templateOf();

describe("the cluster", () => {
  const cluster = (properties: object): void =>
    template.hasResourceProperties("AWS::RDS::DBCluster", properties);

  test("takes tokens", () => cluster({ EnableIAMDatabaseAuthentication: true }));

  test("refuses connections without TLS", () =>
    template.hasResourceProperties("AWS::RDS::DBClusterParameterGroup", {
      Parameters: { "rds.force_ssl": "1" },
    }));

  test("is encrypted, and cannot be deleted by accident", () => {
    cluster({ StorageEncrypted: true, DeletionProtection: true });
    template.hasResource("AWS::RDS::DBCluster", {
      DeletionPolicy: "Snapshot",
      UpdateReplacePolicy: "Snapshot",
    });
  });

  test("tells the reasons of failed logins in a log", () =>
    cluster({ EnableCloudwatchLogsExports: Match.arrayWith(["iam-db-auth-error"]) }));

  test("has no password in its template", () => {
    cluster({ ManageMasterUserPassword: true, MasterUserPassword: Match.absent() });
  });

  test("has one writer and one reader, which no public address leads to", () =>
    template.resourcePropertiesCountIs("AWS::RDS::DBInstance", { PubliclyAccessible: false }, 2));

  test("is reached by the service's security group alone", () => {
    template.resourceCountIs("AWS::EC2::SecurityGroupIngress", 1);
    template.hasResourceProperties("AWS::EC2::SecurityGroupIngress", {
      SourceSecurityGroupId: context.serviceSecurityGroupId,
      FromPort: 5432,
      ToPort: 5432,
    });
    template.hasResourceProperties("AWS::EC2::SecurityGroup", {
      SecurityGroupIngress: Match.absent(),
    });
  });
});

describe("the template", () => {
  const synth = (change: (stack: DatabaseStack) => void): void => {
    const app = new App({ context: { "@aws-cdk/core:validateAgainstDefaultRules": true } });
    change(new DatabaseStack(app, "Database", inputsOf()));
    app.synth();
  };

  test("is accepted by CloudFormation's own validation, which needs no account", () =>
    assert.doesNotThrow(() => synth(() => {})));

  test("would be refused with a property that does not exist", () => {
    const misspell = (stack: DatabaseStack): void => {
      for (const resource of stack.node.findAll()) {
        if (!(resource instanceof CfnResource)) continue;
        if (resource.cfnResourceType !== "AWS::RDS::DBCluster") continue;
        resource.addPropertyOverride("EnableIamAuthentication", true);
      }
    };
    assert.throws(() => synth(misspell), /[Vv]alidation/);
  });
});

describe("the roles", () => {
  test("may each connect as one user of this cluster, and nothing else", () => {
    const policies = Object.values(template.findResources("AWS::IAM::Policy"));
    const [clusterId] = Object.keys(template.findResources("AWS::RDS::DBCluster"));
    assert.equal(policies.length, 2);
    const users = policies.map(({ Properties: { PolicyDocument } }) => {
      const [statement, ...others] = PolicyDocument.Statement;
      assert.deepEqual(others, []);
      assert.equal(statement.Effect, "Allow");
      assert.equal(statement.Action, "rds-db:connect");
      const parts: unknown[] = statement.Resource["Fn::Join"][1];
      assert.deepEqual(parts.at(-2), { "Fn::GetAtt": [clusterId, "DBClusterResourceId"] });
      return parts.at(-1);
    });
    assert.deepEqual(users.sort(), ["/shop_app", "/shop_migrate"]);
  });

  for (const platform of platforms) {
    test(`are taken on by ${platform}`, () => {
      const statements = Object.values(
        templateOf({ platform }).findResources("AWS::IAM::Role"),
      ).map(({ Properties }) => Properties.AssumeRolePolicyDocument.Statement);
      assert.equal(statements.length, 2);
      for (const [{ Action, Principal }] of statements) {
        assert.match(Principal.Service, /^(pods\.eks|ecs-tasks|lambda|ec2)\.amazonaws\.com$/);
        assert.equal([Action].flat().includes("sts:TagSession"), platform === "eks");
      }
    });
  }
});

test("the outputs are the environment of the service", () => {
  const outputs = template.findOutputs("*");
  const starts = ["DatabaseUrl", "DatabaseReaderUrl", "MigrateDatabaseUrl"].map(
    (name) => outputs[name]?.["Value"]["Fn::Join"][1][0],
  );
  assert.deepEqual(starts, [
    "postgres://shop_app@",
    "postgres://shop_app@",
    "postgres://shop_migrate@",
  ]);
  assert.equal(outputs["DatabaseAuth"]?.["Value"], "iam");
  assert.deepEqual(outputs["AwsRegion"]?.["Value"], { Ref: "AWS::Region" });
});

describe("inputs", () => {
  test("that are missing are named", () => {
    assert.throws(() => readInputs(new App({ context: {} }).node), /privateSubnetIds is missing/);
    assert.throws(() => inputsOf({ vpcId: "" }), /vpcId is missing/);
  });

  test("must be in two zones", () =>
    assert.throws(() => inputsOf({ availabilityZones: "eu-west-2a,eu-west-2a" }), /two/));

  test("cannot widen a policy", () => assert.throws(() => inputsOf({ appUser: "*" }), /user/));

  test("name a known platform", () =>
    assert.throws(() => inputsOf({ platform: "heroku" }), /platform must be one of eks/));
});
