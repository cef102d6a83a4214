import { shortQuestion } from './bodies.ts'

/** The body of a request for a response to the short question, with further members. */
export function toResponseRequest(model: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ model, input: shortQuestion, temperature: 0.2, ...more })
}
