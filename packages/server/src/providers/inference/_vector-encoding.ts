/** Vectors as OpenAI's API writes them. */
import type { EmbeddingsRequest } from '@llama-stack/api'

/** A vector in the encoding that was asked for: numbers, or base64 of floats that are little-endian on every machine. */
export function encodeVector(vector: Float32Array, format: EmbeddingsRequest['encoding_format']): number[] | string {
  if (format !== 'base64') return Array.from(vector)
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes.toString('base64')
}
