/**
 * Returns the flags of a node process whose app is debugged: Node's own inspector on the loopback address,
 * and the vm modules that `engine/vm-isolate-factory.ts` needs. Port 0 takes a free port.
 */
export function inspectorFlags(port: number): string[] {
  return [`--inspect=127.0.0.1:${port}`, '--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
}
