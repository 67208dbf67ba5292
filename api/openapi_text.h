/*
 * openapi_text.h -- openapi.yaml, built into the program.
 */
#ifndef SLUICE_API_OPENAPI_TEXT_H
#define SLUICE_API_OPENAPI_TEXT_H

extern const char openapi_text_begin[];
extern const char openapi_text_end[];

#endif
