declare global {
  /**
   * Types of a platform's own bindings by kind of binding, which an import adds, such as `import
   * 'unmoor/cloudflare/native'`.
   */
  interface UnmoorNative {}
}

/** The platform's own binding behind a portable one; undefined on targets that have none. */
export type NativeBinding<Kind extends string> =
  | (Kind extends keyof UnmoorNative ? UnmoorNative[Kind] : unknown)
  | undefined
