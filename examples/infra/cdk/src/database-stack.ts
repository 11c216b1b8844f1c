import {
  Annotations,
  CfnOutput,
  Duration,
  RemovalPolicy,
  Stack,
  type StackProps,
} from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as rds from "aws-cdk-lib/aws-rds";
import type { Construct } from "constructs";
import type { Inputs, Platform } from "./inputs.ts";

/** Who takes on a role on each platform. */
const services: Readonly<Record<Platform, string>> = {
  eks: "pods.eks.amazonaws.com",
  ecs: "ecs-tasks.amazonaws.com",
  lambda: "lambda.amazonaws.com",
  ec2: "ec2.amazonaws.com",
};

/** A cluster with a writer and a reader that takes tokens, and two roles that may connect to it. */
export class DatabaseStack extends Stack {
  constructor(scope: Construct, id: string, inputs: Inputs, props?: StackProps) {
    super(scope, id, props);
    const { platform, databaseName, appUser, migrateUser } = inputs;

    const cluster = this.#cluster(inputs);
    const appRole = roleOf(this, "AppRole", platform, "The service: connects as the app user.");
    const migrateRole = roleOf(this, "MigrateRole", platform, "Migrations: connect as their user.");
    // rds-db:connect on the cluster's resource id, for this one user.
    cluster.grantConnect(appRole, appUser);
    cluster.grantConnect(migrateRole, migrateUser);

    const url = (user: string, { hostname }: rds.Endpoint): string =>
      `postgres://${user}@${hostname}:${cluster.clusterEndpoint.port}/${databaseName}`;
    const outputs: Readonly<Record<string, readonly [value: string, description: string]>> = {
      DatabaseUrl: [url(appUser, cluster.clusterEndpoint), "DATABASE_URL of the service"],
      DatabaseReaderUrl: [
        url(appUser, cluster.clusterReadEndpoint),
        "DATABASE_READER_URL of the service",
      ],
      DatabaseAuth: ["iam", "DATABASE_AUTH of the service and of migrations"],
      AwsRegion: [this.region, "AWS_REGION of the service and of migrations"],
      MigrateDatabaseUrl: [url(migrateUser, cluster.clusterEndpoint), "DATABASE_URL of migrations"],
      AppRoleArn: [appRole.roleArn, "Role of the service"],
      MigrateRoleArn: [migrateRole.roleArn, "Role of migrations"],
      ClusterResourceId: [cluster.clusterResourceIdentifier, "What policies call the cluster"],
      MasterSecretArn: [
        cluster.secret?.secretArn ?? "",
        "Secret with the password of the master user, for creating the users once",
      ],
    };
    for (const [name, [value, description]] of Object.entries(outputs)) {
      new CfnOutput(this, name, { value, description });
    }
  }

  #cluster(inputs: Inputs): rds.DatabaseCluster {
    const vpc = ec2.Vpc.fromVpcAttributes(this, "Vpc", {
      vpcId: inputs.vpcId,
      availabilityZones: [...inputs.availabilityZones],
      privateSubnetIds: [...inputs.privateSubnetIds],
    });
    // Route tables are of no interest here.
    Annotations.of(vpc).acknowledgeWarning("@aws-cdk/aws-ec2:noSubnetRouteTableId");
    const securityGroup = new ec2.SecurityGroup(this, "DatabaseSecurityGroup", {
      vpc,
      description: "The database: reached by the service, and reaches nothing.",
      allowAllOutbound: false,
    });
    const service = ec2.SecurityGroup.fromSecurityGroupId(
      this,
      "ServiceSecurityGroup",
      inputs.serviceSecurityGroupId,
    );
    securityGroup.addIngressRule(service, ec2.Port.tcp(5432), "The service");

    const instance: rds.ProvisionedClusterInstanceProps = {
      instanceType: new ec2.InstanceType(inputs.instanceType),
      publiclyAccessible: false,
    };
    return new rds.DatabaseCluster(this, "Database", {
      engine: rds.DatabaseClusterEngine.auroraPostgres({
        version: rds.AuroraPostgresEngineVersion.VER_17_7,
      }),
      writer: rds.ClusterInstance.provisioned("Writer", instance),
      // It takes over when the writer fails.
      readers: [rds.ClusterInstance.provisioned("Reader", { ...instance, promotionTier: 1 })],
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [securityGroup],
      defaultDatabaseName: inputs.databaseName,
      iamAuthentication: true,
      // RDS makes and rotates the master user's password. No person and no template has it.
      manageMasterUserPassword: true,
      parameters: { "rds.force_ssl": "1" },
      storageEncrypted: true,
      backup: { retention: Duration.days(14) },
      copyTagsToSnapshot: true,
      // RDS tells a client only that a login has failed. The reason is in the second log.
      cloudwatchLogsExports: ["postgresql", "iam-db-auth-error"],
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });
  }
}

function roleOf(scope: Construct, id: string, platform: Platform, description: string): iam.Role {
  const principal = new iam.ServicePrincipal(services[platform]);
  return new iam.Role(scope, id, {
    // EKS Pod Identity tags its sessions, and is refused where it may not.
    assumedBy: platform === "eks" ? new iam.SessionTagsPrincipal(principal) : principal,
    description,
  });
}
