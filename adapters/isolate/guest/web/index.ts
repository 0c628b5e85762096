/**
 * The web API of an isolate: defines the globals of ECMA-429 and leaves a link for the app's half of the
 * guest (`../link.ts`), which takes it away. Runs before any tenant code, in a bare isolate or while a
 * snapshot is built: nothing here calls the host.
 */
import { installGlobals } from './globals.ts'
import { installLink } from './link.ts'

installGlobals()
installLink()
