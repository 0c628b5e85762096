/** A server that apps of the corpus use. */
export interface Service {
  /** Why it cannot be used here, or undefined where it answers. */
  missing(): Promise<string | undefined>
  /** A part of it that only `space` (letters, digits and underscores) uses. */
  open(space: string): Promise<Space>
  /** Ends what `open` started for all spaces. Default: nothing was. */
  stop?(): Promise<void>
}

/** A part of a server for one app on one target. */
export interface Space {
  /** The variables by which the app finds it. */
  variables: Readonly<Record<string, string>>
  /** Removes it. */
  close(): Promise<void>
}
