/**
 * The words of Gemini's `generateContent` that we write. What it answers is read member by member, as anything that a
 * vendor sends. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
 */

/** One piece of a turn. */
export interface GeminiPart {
  readonly text?: string
  readonly inlineData?: { readonly mimeType: string; readonly data: string }
  readonly fileData?: { readonly mimeType: string; readonly fileUri: string }
  readonly functionCall?: { readonly name: string; readonly args: object }
  readonly functionResponse?: { readonly name: string; readonly response: object }
  /** What the model needs back of its own thoughts; opaque. */
  readonly thoughtSignature?: string
}

/** One turn. */
export interface GeminiContent {
  readonly role: 'user' | 'model'
  readonly parts: readonly GeminiPart[]
}

/** The body of a request, as a record because fields that we do not know travel too. */
export type GeminiRequest = Record<string, unknown> & {
  readonly contents: readonly GeminiContent[]
  readonly generationConfig?: Readonly<Record<string, unknown>>
}
