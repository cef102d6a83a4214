/** What AWS knows a caller by. */

/** A pair of keys; temporary ones have a session token beside them. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}
