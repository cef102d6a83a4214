/** What plugin authors test with: a scripted vendor, and the suite that every provider of inference has to pass. */
export { createScriptedUpstream } from './scripted-upstream.ts'
export type { ScriptedReply, ScriptedRequest, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'
export { describeInferenceProvider } from './inference-conformance.ts'
export type { InferenceConformance, VendorFixture } from './inference-conformance.ts'
