/** Which names are those of ONNX models on Hugging Face. */

/** Two names with a slash between them; before them may go the id of the provider, as the server lists its models. */
const MODEL_NAME = /^(?:(?:sentence-)?transformers\/(?=[^/]+\/))?(\w[\w.-]*\/\w[\w.-]*)$/

/** The id on the hub that a name stands for, or undefined: Ollama's names have no slash, or a tag. */
export function findOnnxId(name: string): string | undefined {
  return MODEL_NAME.exec(name)?.[1]
}
