/** `node:os` in an isolate: what workerd answers. An app is told nothing about the machine. */
import { link } from '../link.ts'
import { refused } from './refused.ts'

const nothing = (): Record<string, never> => ({})
const zero = (): number => 0
const empty = (): string => ''

export const EOL = '\n'
export const devNull = '/dev/null'
export const { os: constants } = link.callSync('constants') as { os: object }
export const availableParallelism = (): number => 1
export const arch = (): string => 'x64'
export const cpus = (): never[] => []
export const endianness = (): string => 'LE'
export const freemem = zero
export const getPriority = zero
export const homedir = (): string => '/tmp/'
export const hostname = (): string => 'localhost'
export const loadavg = (): number[] => [0, 0, 0]
export const machine = (): string => 'x86_64'
export const networkInterfaces = nothing
export const platform = (): string => 'linux'
export const release = empty
export const setPriority = /* @__PURE__ */ refused('os', 'setPriority')
export const tmpdir = (): string => '/tmp/'
export const totalmem = zero
export const type = (): string => 'Linux'
export const uptime = zero
export const userInfo = nothing
export const version = empty

const os = {
  EOL,
  devNull,
  constants,
  availableParallelism,
  arch,
  cpus,
  endianness,
  freemem,
  getPriority,
  homedir,
  hostname,
  loadavg,
  machine,
  networkInterfaces,
  platform,
  release,
  setPriority,
  tmpdir,
  totalmem,
  type,
  uptime,
  userInfo,
  version,
}
export default os
export { os as 'module.exports' }
