/** A service that is made when it is first called: a start should not pay for what nobody asks. */
import type { Api, Service } from '@llama-stack/api'

/** The service of an API whose real one is made by the first call of any of its operations. */
export function toLateService<A extends Api>(api: A, load: () => Promise<Service<A>>): Service<A> {
  const operations = Object.keys(api).map((name) => [
    name,
    async (request: never, context: never) => {
      const service = await load()
      // The operation's own types were checked where its API is a type.
      return (service as Readonly<Record<string, (request: never, context: never) => unknown>>)[name]?.(
        request,
        context,
      )
    },
  ])
  // One operation for each key of the API.
  return Object.fromEntries(operations) as Service<A>
}
