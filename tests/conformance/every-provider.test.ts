/** The conformance suite, run by every declaration of this folder. */
import { describeProvider } from '../../packages/server/src/testing/provider-conformance.ts'
import { declarations } from './openai-rows.ts'

for (const declaration of declarations) describeProvider(declaration)
