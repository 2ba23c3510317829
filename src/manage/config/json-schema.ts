/** The configuration's shape as JSON Schema, for editors. */
import { toJsonSchema } from '@valibot/to-json-schema'
import { fileSchema } from './schema.ts'

/** JSON Schema (draft-07, which every editor knows) of a configuration file. */
export function configJsonSchema(): object {
  // Checks that JSON Schema cannot express stay in the program.
  return { title: 'Certwright configuration', ...toJsonSchema(fileSchema, { errorMode: 'ignore' }) }
}
