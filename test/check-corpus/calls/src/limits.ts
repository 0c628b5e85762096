export const SHORT = 30
export const HOUR = 60 * 60
export const LONG_TEXT = 'x'.repeat(200_000)
