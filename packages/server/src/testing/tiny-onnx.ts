/** ONNX graphs of a few nodes, written as protobuf by hand, so that tests run a real runtime on models whose results are known. */

/** A graph: what goes in, what comes out, and the operators between. */
export interface TinyGraph {
  readonly inputs: readonly TinyValue[]
  readonly outputs: readonly TinyValue[]
  readonly constants: readonly TinyConstant[]
  readonly nodes: readonly TinyNode[]
}

/** A tensor by name. A size that is not fixed has a name. */
export interface TinyValue {
  readonly name: string
  readonly type: keyof typeof ELEMENT_TYPES
  readonly shape: readonly (number | string)[]
}

/** A tensor of the graph itself: its weights. */
export interface TinyConstant {
  readonly name: string
  readonly type: 'float32' | 'int64'
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** One operator of ONNX, with whole numbers as attributes. */
export interface TinyNode {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly output: string
  readonly attributes?: Readonly<Record<string, number>>
}

/** `TensorProto.DataType`. */
const ELEMENT_TYPES = Object.freeze({ float32: 1, int64: 7 })
const INTEGER_ATTRIBUTE = 2
const IR_VERSION = 8
const OPERATOR_SET = 17

/** The bytes of an `.onnx` file. The numbers are those of the fields in onnx.proto. */
export function encodeTinyOnnx(graph: TinyGraph): Uint8Array {
  return Buffer.concat([
    number(1, IR_VERSION),
    nested(7, [
      ...graph.nodes.map((node) => nested(1, encodeNode(node))),
      text(2, 'tiny'),
      ...graph.constants.map((constant) => nested(5, encodeConstant(constant))),
      ...graph.inputs.map((input) => nested(11, encodeValue(input))),
      ...graph.outputs.map((output) => nested(12, encodeValue(output))),
    ]),
    nested(8, [text(1, ''), number(2, OPERATOR_SET)]),
  ])
}

function encodeNode({ operator, inputs, output, attributes = {} }: TinyNode): Buffer[] {
  return [
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      nested(5, [text(1, name), number(3, value), number(20, INTEGER_ATTRIBUTE)]),
    ),
  ]
}

function encodeConstant({ name, type, shape, values }: TinyConstant): Buffer[] {
  const data = type === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values)
  return [
    ...shape.map((size) => number(1, size)),
    number(2, ELEMENT_TYPES[type]),
    text(8, name),
    bytes(9, Buffer.from(data.buffer)),
  ]
}

function encodeValue({ name, type, shape }: TinyValue): Buffer[] {
  const sizes = shape.map((size) => nested(1, [typeof size === 'number' ? number(1, size) : text(2, size)]))
  return [text(1, name), nested(2, [nested(1, [number(1, ELEMENT_TYPES[type]), nested(2, sizes)])])]
}

/** A field of protobuf's wire type 0. */
function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)])
}

/** A field of protobuf's wire type 2. */
function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content])
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value))
}

function nested(field: number, fields: readonly Buffer[]): Buffer {
  return bytes(field, Buffer.concat(fields))
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function varint(value: number): Buffer {
  const encoded: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...encoded, rest])
    encoded.push((rest % 128) + 128)
  }
}
