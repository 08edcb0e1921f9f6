/** Raised when pixels move, if only by one of 255: part of every row space. Apart from the decoder, since every plan needs it. */
export const DECODER_VERSION = 4;
