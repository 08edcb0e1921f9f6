/** What is settled of int8 networks, light enough for a plan. */

/** Raised when the same sample would give other eight-bit numbers. */
export const QUANTIZER_VERSION = 2;

/** Images that an int8 network is calibrated with. */
export const CALIBRATION_IMAGES = 64;
