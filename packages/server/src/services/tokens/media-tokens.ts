/** How many tokens pictures, recordings and files are. */
import { findPictureSize } from './picture-size.ts'
import type { PictureSize } from './picture-size.ts'
import type { PictureRule } from './model-encodings.ts'

export interface MediaTokens {
  readonly tokens: number
  readonly isEstimate: boolean
}

/** What pictures are taken for that lie elsewhere: they are not fetched to be counted. */
const LIKELY_SIZE: PictureSize = Object.freeze({ width: 1024, height: 1024 })

const MAX_SIDE = 2048
const SHORT_SIDE = 768
const TILE_SIDE = 512
const PATCH_SIDE = 32
const MAX_PATCHES = 1536

/** The tokens of a picture by its URL, and the `detail` that was asked for. */
export function countPicture(rule: PictureRule, url: string, detail: string | undefined): MediaTokens {
  if (rule.by === 'tiles' && detail === 'low') return { tokens: rule.base, isEstimate: false }
  const size = findPictureSize(url)
  const { width, height } = size ?? LIKELY_SIZE
  const tokens =
    rule.by === 'tiles'
      ? rule.base + rule.tile * countTiles(width, height)
      : Math.ceil(rule.factor * countPatches(width, height))
  return { tokens, isEstimate: size === undefined }
}

/** Shrinks it into a square of 2048, then until its short side is 768; never enlarges it. */
function countTiles(width: number, height: number): number {
  const within = Math.min(1, MAX_SIDE / Math.max(width, height))
  const scale = Math.min(within, SHORT_SIDE / Math.min(width, height))
  return Math.ceil(Math.round(width * scale) / TILE_SIDE) * Math.ceil(Math.round(height * scale) / TILE_SIDE)
}

/** Shrinks what has too many patches so that a whole number of them fits into its sides. */
function countPatches(width: number, height: number): number {
  const patches = Math.ceil(width / PATCH_SIDE) * Math.ceil(height / PATCH_SIDE)
  if (patches <= MAX_PATCHES) return patches
  const scale = Math.sqrt((PATCH_SIDE ** 2 * MAX_PATCHES) / (width * height))
  const columns = (width * scale) / PATCH_SIDE
  const rows = (height * scale) / PATCH_SIDE
  const fitting = scale * Math.min(Math.floor(columns) / columns, Math.floor(rows) / rows)
  return Math.min(MAX_PATCHES, Math.ceil((width * fitting) / PATCH_SIDE) * Math.ceil((height * fitting) / PATCH_SIDE))
}

/** OpenAI: one token for a tenth of a second of speech. */
const TOKENS_PER_SECOND = 10
/** 24 kHz of 16 bit, and 128 kbit: what clients send. */
const WAV_BYTES_PER_SECOND = 48_000
const OTHER_BYTES_PER_SECOND = 16_000

/** An estimate for a recording, by the length of its base64 data. */
export function estimateAudio(data: string, format: string): number {
  const perSecond = format === 'wav' ? WAV_BYTES_PER_SECOND : OTHER_BYTES_PER_SECOND
  return Math.ceil((toBytes(data) / perSecond) * TOKENS_PER_SECOND)
}

/** A page of a PDF is given to models as its text and as a picture. */
const TOKENS_PER_PAGE = 1500
const BYTES_PER_PAGE = 50_000

/** What a file holds: text that can be counted, or something that is estimated. */
export function readFileData(data: string): { readonly text: string } | { readonly estimate: number } {
  const comma = data.indexOf(',')
  const head = /^data:([^,;]*)[^,]*$/i.exec(data.slice(0, Math.max(0, comma)))
  const type = head?.[1]?.toLowerCase() ?? ''
  const body = data.slice(comma + 1)
  if (/^text\/|\/(?:json|xml|yaml|javascript)$|\+(?:json|xml)$/.test(type)) {
    return { text: Buffer.from(body, 'base64').toString('utf8') }
  }
  // Newer files keep their pages compressed; then the length says how many there may be.
  const pages = Buffer.from(body, 'base64')
    .toString('latin1')
    .match(/\/Type\s*\/Page(?![a-z])/gi)?.length
  return { estimate: (pages ?? Math.max(1, Math.ceil(toBytes(body) / BYTES_PER_PAGE))) * TOKENS_PER_PAGE }
}

function toBytes(base64: string): number {
  return Math.floor((base64.length * 3) / 4)
}
