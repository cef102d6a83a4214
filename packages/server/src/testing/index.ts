/**
 * What plugin authors test with: a scripted vendor, and the suites that every provider of inference and every storage
 * backend have to pass.
 */
export { createScriptedUpstream } from './scripted-upstream.ts'
export type { ScriptedReply, ScriptedRequest, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'
export { describeInferenceProvider } from './inference-conformance.ts'
export type { InferenceConformance, VendorFixture } from './inference-conformance.ts'
export { describeStorage } from './storage-conformance.ts'
export type { StorageCase, StorageConformance } from './storage-conformance.ts'
