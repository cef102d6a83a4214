/** What a service's operation answered, for tests that know that it is a value. */
import { bug, type Reply } from '@llama-stack/api'

/** The value of a reply that has one. */
export async function valueOf<Value>(reply: Promise<Reply<Value, unknown>>): Promise<Value> {
  const given = await reply
  return given.kind === 'value' ? given.value : bug('the reply is no value')
}
