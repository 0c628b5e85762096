/**
 * The web API of an isolate: defines the globals of ECMA-429, and one global for the app's half of the guest
 * (`../link.ts`), which removes it. The module runs before any tenant code, in a bare isolate or while a
 * snapshot is built, so nothing here calls the engine.
 */
import { installGlobals } from './globals.ts'
import { installLink } from './link.ts'

installGlobals()
installLink()
