import { expect, test } from 'vitest'
import { findPictureSize } from './picture-size.ts'

const toUrl = (bytes: Buffer): string => `data:image/any;base64,${bytes.toString('base64')}`

function toWebp(kind: string, fill: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(30)
  bytes.write(`RIFF....WEBP${kind}`, 'latin1')
  fill(bytes)
  return bytes
}

/** A photograph: a marker with 70 kB of profile, a table, then the frame. */
function toJpeg(): Buffer {
  const profile = Buffer.alloc(65_000)
  profile.writeUInt16BE(0xffe2, 0)
  profile.writeUInt16BE(64_998, 2)
  const table = Buffer.from([0xff, 0xc4, 0, 4, 1, 2])
  const frame = Buffer.from([0xff, 0xc2, 0, 17, 8, 0x02, 0x58, 0x03, 0x20, 3, 1, 0x22, 0, 2, 0x11, 1])
  return Buffer.concat([Buffer.from([0xff, 0xd8]), profile, table, frame])
}

test.each([
  ['PNG', Buffer.from('89504e470d0a1a0a0000000d494844520000032000000258', 'hex')],
  ['GIF', Buffer.from('47494638396120035802', 'hex')],
  ['JPEG', toJpeg()],
  ['lossy WebP', toWebp('VP8 ', (bytes) => bytes.writeUInt32LE((600 << 16) | 800, 26))],
  ['lossless WebP', toWebp('VP8L', (bytes) => bytes.writeUInt32LE((599 << 14) | 799, 21))],
  ['extended WebP', toWebp('VP8X', (bytes) => void (bytes.writeUIntLE(799, 24, 3), bytes.writeUIntLE(599, 27, 3)))],
])('reads the size of a %s', (_, bytes) => {
  expect(findPictureSize(toUrl(bytes))).toEqual({ width: 800, height: 600 })
})

test.each([
  'https://example.com/a.png',
  'data:image/png,plain',
  'data:image/png;base64,',
  toUrl(Buffer.from('hello')),
  toUrl(toJpeg().subarray(0, 3)),
  toUrl(Buffer.alloc(40, 0xff)),
])('does not know the size of %s', (url) => {
  expect(findPictureSize(url)).toBeUndefined()
})
