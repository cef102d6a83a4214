/** Test cases that need a package which the default install leaves out. */
import { describe } from 'vitest'
import { findOptionalPackage, PACKAGES_FOLDER_VARIABLE } from '../kernel/optional-package.ts'
import type { OptionalPackage } from '../kernel/optional-package.ts'

/** Where tests look for optional packages first, or undefined. */
export function optionalPackagesFolder(): string | undefined {
  return process.env[PACKAGES_FOLDER_VARIABLE]
}

/** Why cases that need a package cannot run here, or undefined where they can. */
export function whyPackageIsAbsent(wanted: OptionalPackage): string | undefined {
  if (findOptionalPackage(wanted, optionalPackagesFolder()) !== undefined) return undefined
  return `${wanted.name}@${wanted.version} is not installed; name its folder in ${PACKAGES_FOLDER_VARIABLE}`
}

/** Declares cases that need a package. Where it is absent they are skipped, and both the log and their name say so. */
export function describeWithPackage(wanted: OptionalPackage, title: string, declare: () => void): void {
  const reason = whyPackageIsAbsent(wanted)
  if (reason !== undefined) console.warn(`skipped: ${title}: ${reason}`)
  // eslint-disable-next-line vitest/valid-title, vitest/valid-describe-callback -- title and cases are given by the caller
  describe.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, declare)
}
