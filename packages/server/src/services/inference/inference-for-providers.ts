/** Inference as other providers may depend on it: every model of the stack, whoever serves it. */
import type { CallContext, Inference, InferenceProvider, Principal, ProviderCall } from '@llama-stack/api'
import { askWhole } from './ask-whole.ts'

/**
 * Wraps the service, which may be created after the providers that depend on it. Only whole chat completions are for
 * providers so far.
 */
export function toInferenceForProviders(service: () => Inference, nobody: Principal): InferenceProvider {
  return {
    async chatCompletion(request, call) {
      return { kind: 'value', value: await askWhole(service(), request, toContext(call, nobody)) }
    },
  }
}

/** The provider's own call: the body and the headers of the request that led to it are not its own. */
function toContext(
  { principal, requestId, signal, providerData, testId }: ProviderCall,
  nobody: Principal,
): CallContext {
  return { principal: principal ?? nobody, requestId, signal, providerData, ...(testId !== undefined && { testId }) }
}
