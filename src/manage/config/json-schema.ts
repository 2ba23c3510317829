/** The configuration's shape as JSON Schema, for editors. */
import { toJsonSchema } from '@valibot/to-json-schema'
import { deploySchema } from '../../contracts/target-options.ts'
import { certificateSchema, fileSchema } from './schema.ts'

/** JSON Schema (draft-07, which every editor knows) of a configuration file. */
export function configJsonSchema(): object {
  // Checks that JSON Schema cannot express stay in the program.
  const definitions = { certificate: certificateSchema, deploy: deploySchema }
  const schema = toJsonSchema(fileSchema, { errorMode: 'ignore', definitions })
  return { title: 'Certwright configuration', ...schema }
}
