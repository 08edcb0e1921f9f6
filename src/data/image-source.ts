import type { Diagnostic } from '../base/diagnostic.ts';
import type { Digest } from '../base/digest.ts';
import type { Result } from '../base/result.ts';
import type { StoredImage } from '../images/stored-image.ts';
import type { Split } from './row-table.ts';

/** Where the pixels of a data set come from: the files of the project at hand, whoever made the cached rows. */
export interface ImageSource {
  /** Reads one image by the part of the ingest and its name, checked against the digest that the row was listed with. */
  read(part: Split, name: string, expected: Digest): Promise<Result<StoredImage, Diagnostic>>;
  /** The path of an image that is a file of its own, so that whichever thread prepares it can read it. */
  fileOf?(part: Split, name: string, expected: Digest): string;
}
