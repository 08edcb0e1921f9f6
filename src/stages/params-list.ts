/** The settings of every stage kind as JSON Schema. Read by the schema script alone: it loads TypeBox. */
import type { JsonObject } from '../base/json.ts';

export const paramsByKind: Readonly<Record<string, JsonObject>> = {};
