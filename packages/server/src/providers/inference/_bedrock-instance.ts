/** One instance of Bedrock: each operation by the API that has it. */
import type { InferenceProvider } from '@llama-stack/api'
import { toBedrockContext } from './_bedrock-context.ts'
import type { BedrockInput } from './_bedrock-context.ts'
import { toConverse } from './_bedrock-converse.ts'
import { embedWithBedrock } from './_bedrock-embeddings.ts'
import { familyOf } from './_bedrock-families.ts'
import { checkBedrockHealth, listBedrockModels } from './_bedrock-models.ts'
import { rerankWithBedrock } from './_bedrock-rerank.ts'
import { createOpenAiProtocol } from './_openai-protocol.ts'

/** What Bedrock can do. */
type BedrockOperations = Required<
  Pick<InferenceProvider, 'chatCompletion' | 'embeddings' | 'rerank' | 'models' | 'health'>
>

/** Builds the instance. */
export function createBedrock(input: BedrockInput): BedrockOperations {
  const context = toBedrockContext(input)
  const converse = toConverse(context)
  const openai = createOpenAiProtocol(context.protocol)
  const wireOf = (model: string) => context.settings.wire ?? familyOf(model).wire
  return {
    chatCompletion: (request, call) =>
      wireOf(request.model) === 'openai' ? openai.chatCompletion(request, call) : converse(request, call),
    async embeddings(request, call) {
      return { kind: 'value', value: await embedWithBedrock(context, request, call) }
    },
    async rerank(request, call) {
      return { kind: 'value', value: await rerankWithBedrock(context, request, call) }
    },
    models: (call) => listBedrockModels(context, call),
    health: (call) => checkBedrockHealth(context, call),
  }
}
