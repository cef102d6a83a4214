/** Inference as other providers may depend on it: every model of the stack, whoever serves it. */
import { bug } from '@llama-stack/api'
import type {
  CallContext,
  ChatCompletion,
  Inference,
  InferenceProvider,
  Principal,
  ProviderCall,
} from '@llama-stack/api'
import { parseReplyJson } from './parse-reply-json.ts'

/**
 * Wraps the service, which may be created after the providers that depend on it. Only whole chat completions are for
 * providers so far; they are not kept, for nobody but the provider has asked.
 */
export function toInferenceForProviders(service: () => Inference, nobody: Principal): InferenceProvider {
  return {
    async chatCompletion(request, call) {
      const asked = { ...request, stream: false, store: false }
      const reply = await service().createChatCompletion(asked, toContext(call, nobody))
      if (reply.kind === 'value') return { kind: 'value', value: reply.value }
      if (reply.kind !== 'bytes') return bug('a whole completion came as a stream')
      const text = typeof reply.bytes === 'string' ? reply.bytes : Buffer.from(reply.bytes).toString('utf8')
      // The service has checked what it relays.
      const value = parseReplyJson(request.model, text) as ChatCompletion
      return { kind: 'value', value }
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
