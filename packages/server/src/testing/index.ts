/**
 * What plugin authors test with: a scripted vendor, and the suites that every provider of inference, every search engine
 * and every storage backend have to pass.
 */
export { createScriptedUpstream } from './scripted-upstream.ts'
export type { ScriptedReply, ScriptedRequest, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'
export { createFaultyUpstream, faultNames } from './faulty-upstream.ts'
export type { FaultName, FaultyUpstream } from './faulty-upstream.ts'
export { describeProvider } from './provider-conformance.ts'
export { capabilities, withoutChat, withoutEmbeddings, withoutVendor } from './conformance/capabilities.ts'
export type { Capability, CapabilitySkips } from './conformance/capabilities.ts'
export type {
  ComputedSubject,
  ConformanceDeclaration,
  ConformanceModels,
  ScriptedSubject,
} from './conformance/declaration.ts'
export { toOpenAiScript } from './conformance/openai-script.ts'
export type { OpenAiScriptOptions } from './conformance/openai-script.ts'
export type {
  AskedChat,
  AskedEmbeddings,
  AskedMessage,
  AskedRerank,
  ChatScript,
  CompletionScript,
  EmbeddingsScript,
  RerankScript,
  VendorFault,
  VendorFaultKind,
  VendorScript,
  VendorStream,
  VendorToolCall,
  VendorTurn,
} from './conformance/vendor-script.ts'
export { describeInferenceProvider } from './inference-conformance.ts'
export type { InferenceConformance, VendorFixture } from './inference-conformance.ts'
export { describeStorage } from './storage-conformance.ts'
export type { StorageCase, StorageConformance } from './storage-conformance.ts'
export { createSearchRig, describeWebSearch } from './web-search-conformance.ts'
export type { EngineFault, SearchRig, SearchRigOptions, WebSearchConformance } from './web-search-conformance.ts'
