// SPDX-License-Identifier: Apache-2.0
// Marks what the shared library exports; everything else is hidden.
#pragma once

#if defined(_WIN32)
#if defined(VARSCOPE_BUILDING)
#define VARSCOPE_API __declspec(dllexport)
#else
#define VARSCOPE_API __declspec(dllimport)
#endif
#else
#define VARSCOPE_API __attribute__((visibility("default")))
#endif
