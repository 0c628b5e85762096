declare global {
  /**
   * The platform's own bindings by kind, if a target provides their types: `import
   * 'unmoor/cloudflare/native'`.
   */
  interface UnmoorNative {}
}

/** The platform's own binding behind a portable one; undefined on targets that have none. */
export type NativeBinding<Kind extends string> =
  | (Kind extends keyof UnmoorNative ? UnmoorNative[Kind] : unknown)
  | undefined
