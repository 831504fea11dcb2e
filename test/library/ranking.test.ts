import { lettersLibrary } from './letters.ts'
import { rankingSuite } from './ranking-suite.ts'

rankingSuite(lettersLibrary)
