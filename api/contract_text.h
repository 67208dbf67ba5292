/*
 * contract_text.h -- openapi.yaml and asyncapi.yaml, built into the program.
 */
#ifndef SLUICE_API_CONTRACT_TEXT_H
#define SLUICE_API_CONTRACT_TEXT_H

extern const char openapi_text_begin[];
extern const char openapi_text_end[];
extern const char asyncapi_text_begin[];
extern const char asyncapi_text_end[];

#endif
