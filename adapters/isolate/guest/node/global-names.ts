/**
 * Makes a global property and a bundle's bare name one: the build puts an import in place of the name, and a
 * Worker's own bundle may set the property (`globalThis.process = ...`).
 */
export function keepName(name: string, original: unknown, onSet: (value: unknown) => void): void {
  let current = original
  Object.defineProperty(globalThis, name, {
    get: () => current,
    set(value: unknown) {
      current = value
      onSet(value)
    },
    configurable: true,
  })
}
