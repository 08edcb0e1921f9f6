/** Made by `scripts/generate-schemas.ts`: ajv standalone validators. They only say yes or no; ajv itself explains a no. */
export type Validator = (value: unknown) => boolean;

/** By stage kind, and `pipeline` for the file around the settings. */
export const validators: Readonly<Record<string, Validator>>;
