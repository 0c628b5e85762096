/**
 * Flags of a node process whose app a debugger is let in to: Node's own inspector on loopback, and the
 * modules of `engine/vm-isolate-factory.ts`. 0 takes a free port.
 */
export function inspectorFlags(port: number): string[] {
  return [`--inspect=127.0.0.1:${port}`, '--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
}
