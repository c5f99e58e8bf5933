// The control plane.

import assert from "node:assert/strict";
import {
  CreateInferenceProfileCommand,
  CreatePromptRouterCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteInferenceProfileCommand,
  DeleteModelInvocationLoggingConfigurationCommand,
  DeletePromptRouterCommand,
  DeleteProvisionedModelThroughputCommand,
  GetFoundationModelCommand,
  GetInferenceProfileCommand,
  GetModelInvocationLoggingConfigurationCommand,
  GetPromptRouterCommand,
  GetProvisionedModelThroughputCommand,
  ListFoundationModelsCommand,
  ListPromptRoutersCommand,
  ListTagsForResourceCommand,
  PutModelInvocationLoggingConfigurationCommand,
  TagResourceCommand,
  UntagResourceCommand,
  paginateListInferenceProfiles,
} from "@aws-sdk/client-bedrock";
import { ON_DEMAND, PROFILE, REGION, refused } from "./mock.mjs";

const SOURCE = `arn:aws:bedrock:${REGION}::foundation-model/${ON_DEMAND}`;

export const control = {
  models_are_listed_and_got: [
    ["ListFoundationModels, GetFoundationModel"],
    async (mock) => {
      const { modelSummaries } = await mock.plane().send(new ListFoundationModelsCommand({}));
      const listed = modelSummaries.find((model) => model.modelId === ON_DEMAND);
      const command = new GetFoundationModelCommand({ modelIdentifier: SOURCE });
      assert.deepEqual((await mock.plane().send(command)).modelDetails, listed);
      const unknown = new GetFoundationModelCommand({ modelIdentifier: "no.model" });
      await refused("ResourceNotFoundException", 404, () => mock.plane().send(unknown));
    },
  ],
  system_profiles_come_page_by_page: [
    ["inference profiles: list, get"],
    async (mock) => {
      const found = [];
      for await (const page of paginateListInferenceProfiles({ client: mock.plane(), pageSize: 10 }, {})) {
        assert.ok(page.inferenceProfileSummaries.length <= 10);
        found.push(...page.inferenceProfileSummaries);
      }
      const listed = found.find((profile) => profile.inferenceProfileId === PROFILE);
      const command = new GetInferenceProfileCommand({ inferenceProfileIdentifier: PROFILE });
      const got = await mock.plane().send(command);
      assert.deepEqual(got.models, listed.models);
      assert.ok(got.createdAt instanceof Date, "times are read as times");
    },
  ],
  application_profiles_are_made_tagged_and_deleted: [
    ["inference profiles: create, delete", "tags"],
    async (mock) => {
      const plane = mock.plane();
      const tags = [{ key: "team", value: "a" }];
      const create = { inferenceProfileName: "mine", modelSource: { copyFrom: SOURCE }, tags };
      const made = await plane.send(new CreateInferenceProfileCommand(create));
      const resourceARN = made.inferenceProfileArn;
      await plane.send(new TagResourceCommand({ resourceARN, tags: [{ key: "cost", value: "b" }] }));
      await plane.send(new UntagResourceCommand({ resourceARN, tagKeys: ["team"] }));
      const left = await plane.send(new ListTagsForResourceCommand({ resourceARN }));
      assert.deepEqual(left.tags, [{ key: "cost", value: "b" }]);
      const gone = new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: resourceARN });
      await plane.send(gone);
      await refused("ResourceNotFoundException", 404, () => plane.send(gone));
    },
  ],
  provisioned_throughput_is_created_and_deleted: [
    ["provisioned throughput"],
    async (mock) => {
      const plane = mock.plane();
      const create = { modelUnits: 1, provisionedModelName: "mine", modelId: ON_DEMAND };
      const made = await plane.send(new CreateProvisionedModelThroughputCommand(create));
      const named = { provisionedModelId: made.provisionedModelArn };
      const got = await plane.send(new GetProvisionedModelThroughputCommand(named));
      assert.deepEqual([got.provisionedModelName, got.modelArn], ["mine", SOURCE]);
      await plane.send(new DeleteProvisionedModelThroughputCommand(named));
    },
  ],
  prompt_routers_are_made_and_deleted: [
    ["prompt routers"],
    async (mock) => {
      const plane = mock.plane();
      const [{ models }] = (await plane.send(new ListPromptRoutersCommand({}))).promptRouterSummaries;
      const routingCriteria = { responseQualityDifference: 10 };
      const create = { promptRouterName: "mine", models, fallbackModel: models[1], routingCriteria };
      const { promptRouterArn } = await plane.send(new CreatePromptRouterCommand(create));
      const got = await plane.send(new GetPromptRouterCommand({ promptRouterArn }));
      assert.deepEqual(got.models, models);
      await plane.send(new DeletePromptRouterCommand({ promptRouterArn }));
    },
  ],
  the_logging_configuration_is_kept: [
    ["invocation logging"],
    async (mock) => {
      const plane = mock.plane();
      const loggingConfig = { s3Config: { bucketName: "logs", keyPrefix: "mock" }, textDataDeliveryEnabled: true };
      await plane.send(new PutModelInvocationLoggingConfigurationCommand({ loggingConfig }));
      const kept = await plane.send(new GetModelInvocationLoggingConfigurationCommand({}));
      assert.deepEqual(kept.loggingConfig, loggingConfig);
      await plane.send(new DeleteModelInvocationLoggingConfigurationCommand({}));
    },
  ],
};
