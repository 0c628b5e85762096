declare const UNMOOR_DEFAULTS: Readonly<Record<string, string>> | undefined

/**
 * Gives the variables that the app declares with a default, and that are not set, their defaults: libraries and
 * the app read them from `process.env` while their modules load. Nothing outside of a build.
 */
export function setDefaultVariables(environment: Record<string, string | undefined>): void {
  if (typeof UNMOOR_DEFAULTS === 'undefined') return
  for (const [name, value] of Object.entries(UNMOOR_DEFAULTS)) environment[name] ??= value
}
