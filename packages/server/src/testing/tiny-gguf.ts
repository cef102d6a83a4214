/**
 * Writes language models of a third of a megabyte as GGUF files, for tests that run real inference without a download.
 *
 * The model is of the llama architecture with one layer that adds nothing: the next token depends on the last one only.
 * That makes it a table of successors, so a test can say what its model will say. Where no successor is named, the next
 * token comes from random weights: gibberish, the same at every run.
 */
import { writeFileSync } from 'node:fs'
import { bug } from '@llama-stack/api'

/** What a tiny model is made of. */
export interface TinyGgufOptions {
  /** Tokens beside the bytes and the printable ASCII characters: whole words, or what a template has in one piece. */
  readonly words?: readonly string[]
  /** Control tokens, such as `<|im_end|>`: they are part of no text. */
  readonly controls?: readonly string[]
  /** What follows a token: both are tokens of the vocabulary; `</s>` ends a reply. */
  readonly successors?: Readonly<Record<string, string>>
  /** The token that ends a turn. Default: `</s>`. */
  readonly end?: string
  /** A Jinja template. Default: none, so that the engine falls back to its own. */
  readonly chatTemplate?: string
  /** Tokens that the model was trained for, so to say. Default: 2048. */
  readonly contextLength?: number
  /** How token vectors become one: 1 is the mean, 3 the last, 4 a score. It marks what is no chat model. Default: absent. */
  readonly poolingType?: 1 | 3 | 4
  /** Rows of work that each token costs and that change nothing: 65,536 make a slow model of 50 MB. Default: 64. */
  readonly feedForward?: number
}

const WIDTH = 64
const HEADS = 2
const ALIGNMENT = 32

/** `general.file_type` of models whose weights are all float32. */
const ALL_F32 = 0

/** Kinds of tokens in `tokenizer.ggml.token_type`. */
const kinds = Object.freeze({ normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 })

/** Writes a model to a file. */
export function writeTinyGguf(path: string, options: TinyGgufOptions = {}): void {
  writeFileSync(path, toTinyGguf(options))
}

function toTinyGguf(options: TinyGgufOptions): Buffer {
  const vocabulary = toVocabulary(options)
  const tensors = toTensors(vocabulary, options)
  const metadata = toMetadata(vocabulary, options)
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata,
    ...toTensorInfos(tensors),
  ])
  return Buffer.concat([padded(header), ...tensors.map(({ values }) => padded(toBytes(values)))])
}

interface Token {
  readonly text: string
  readonly kind: number
  readonly score: number
}

/** A vocabulary of SentencePiece's kind: every text can be spelt with its characters and bytes. */
function toVocabulary({ words = [], controls = [] }: TinyGgufOptions): readonly Token[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  // `▁` stands for a space.
  const characters = ['▁', ...Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at))]
  return [
    { text: '<unk>', kind: kinds.unknown, score: 0 },
    { text: '<s>', kind: kinds.control, score: 0 },
    { text: '</s>', kind: kinds.control, score: 0 },
    ...bytes.map((text) => ({ text, kind: kinds.byte, score: 0 })),
    ...controls.map((text) => ({ text, kind: kinds.control, score: 0 })),
    ...characters.map((text, at) => ({ text, kind: kinds.normal, score: -1 - at })),
    // llama.cpp ends the process over a token that is there twice.
    ...words.filter((text) => !characters.includes(text)).map((text) => ({ text, kind: kinds.userDefined, score: 0 })),
  ]
}

function idOf(vocabulary: readonly Token[], text: string): number {
  const spelt = text === '\n' ? '<0x0A>' : text === ' ' ? '▁' : text
  const id = vocabulary.findIndex((token) => token.text === spelt)
  return id === -1 ? bug(`the tiny model has no token '${text}'`) : id
}

interface Tensor {
  readonly name: string
  /** Columns first, as GGUF has it. */
  readonly shape: readonly number[]
  readonly values: Float32Array
}

function toTensors(
  vocabulary: readonly Token[],
  { successors = {}, feedForward = 64 }: TinyGgufOptions,
): readonly Tensor[] {
  const random = createRandom(7)
  const size = vocabulary.length
  const embeddings = new Float32Array(size * WIDTH)
  for (let id = 0; id < size; id += 1) embeddings.set(unitVector(random), id * WIDTH)
  const output = Float32Array.from({ length: size * WIDTH }, () => (random() - 0.5) * 0.2)
  // The vector of a token points at its successor's row: no other logit comes near.
  for (const [text, next] of Object.entries(successors)) {
    const from = idOf(vocabulary, text) * WIDTH
    const to = idOf(vocabulary, next) * WIDTH
    for (let at = 0; at < WIDTH; at += 1) {
      output[to + at] = (output[to + at] ?? 0) + (embeddings[from + at] ?? 0) * 4
    }
  }
  const matrix = (columns: number, rows: number): Pick<Tensor, 'shape' | 'values'> => ({
    shape: [columns, rows],
    values: Float32Array.from({ length: columns * rows }, () => (random() - 0.5) * 0.2),
  })
  const nothing = (columns: number): Pick<Tensor, 'shape' | 'values'> => ({
    shape: [columns, WIDTH],
    values: new Float32Array(columns * WIDTH),
  })
  const ones = { shape: [WIDTH], values: new Float32Array(WIDTH).fill(1) }
  return [
    { name: 'token_embd.weight', shape: [WIDTH, size], values: embeddings },
    { name: 'blk.0.attn_norm.weight', ...ones },
    { name: 'blk.0.attn_q.weight', ...matrix(WIDTH, WIDTH) },
    { name: 'blk.0.attn_k.weight', ...matrix(WIDTH, WIDTH) },
    { name: 'blk.0.attn_v.weight', ...matrix(WIDTH, WIDTH) },
    { name: 'blk.0.attn_output.weight', ...nothing(WIDTH) },
    { name: 'blk.0.ffn_norm.weight', ...ones },
    { name: 'blk.0.ffn_gate.weight', ...matrix(WIDTH, feedForward) },
    { name: 'blk.0.ffn_up.weight', ...matrix(WIDTH, feedForward) },
    { name: 'blk.0.ffn_down.weight', ...nothing(feedForward) },
    { name: 'output_norm.weight', ...ones },
    { name: 'output.weight', shape: [WIDTH, size], values: output },
  ]
}

function toMetadata(vocabulary: readonly Token[], options: TinyGgufOptions): readonly Buffer[] {
  const { chatTemplate, contextLength = 2048, poolingType, feedForward = 64, end = '</s>' } = options
  return [
    textEntry('general.architecture', 'llama'),
    textEntry('general.name', 'tiny'),
    numberEntry('general.file_type', ALL_F32),
    numberEntry('llama.context_length', contextLength),
    numberEntry('llama.embedding_length', WIDTH),
    numberEntry('llama.block_count', 1),
    numberEntry('llama.feed_forward_length', feedForward),
    numberEntry('llama.attention.head_count', HEADS),
    numberEntry('llama.attention.head_count_kv', HEADS),
    numberEntry('llama.rope.dimension_count', WIDTH / HEADS),
    numberEntry('llama.vocab_size', vocabulary.length),
    Buffer.concat([text('llama.attention.layer_norm_rms_epsilon'), u32(types.f32), f32(1e-6)]),
    ...(poolingType === undefined ? [] : [numberEntry('llama.pooling_type', poolingType)]),
    textEntry('tokenizer.ggml.model', 'llama'),
    arrayEntry(
      'tokenizer.ggml.tokens',
      types.text,
      vocabulary.map((token) => text(token.text)),
    ),
    arrayEntry(
      'tokenizer.ggml.scores',
      types.f32,
      vocabulary.map((token) => f32(token.score)),
    ),
    arrayEntry(
      'tokenizer.ggml.token_type',
      types.i32,
      vocabulary.map((token) => u32(token.kind)),
    ),
    numberEntry('tokenizer.ggml.unknown_token_id', 0),
    numberEntry('tokenizer.ggml.bos_token_id', 1),
    numberEntry('tokenizer.ggml.eos_token_id', idOf(vocabulary, end)),
    ...(chatTemplate === undefined ? [] : [textEntry('tokenizer.chat_template', chatTemplate)]),
  ]
}

function toTensorInfos(tensors: readonly Tensor[]): readonly Buffer[] {
  let offset = 0
  return tensors.map(({ name, shape, values }) => {
    const info = Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(ALL_F32), u64(offset)])
    offset += padded(toBytes(values)).length
    return info
  })
}

/** GGUF's numbers for the types of values. */
const types = Object.freeze({ u32: 4, i32: 5, f32: 6, text: 8, array: 9 })

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}

function textEntry(key: string, value: string): Buffer {
  return Buffer.concat([text(key), u32(types.text), text(value)])
}

function numberEntry(key: string, value: number): Buffer {
  return Buffer.concat([text(key), u32(types.u32), u32(value)])
}

function arrayEntry(key: string, type: number, values: readonly Buffer[]): Buffer {
  return Buffer.concat([text(key), u32(types.array), u32(type), u64(values.length), ...values])
}

function toBytes(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)])
}

/** A generator of numbers from 0 to 1 that is the same everywhere: mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function unitVector(random: () => number): Float32Array {
  const values = Float32Array.from({ length: WIDTH }, () => random() + random() + random() - 1.5)
  const length = Math.hypot(...values)
  return values.map((value) => value / length)
}
