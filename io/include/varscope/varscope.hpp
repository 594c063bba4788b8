// SPDX-License-Identifier: Apache-2.0
// All of varscope: include this one header.
#pragma once

#include <varscope/array.hpp>
#include <varscope/dtype.hpp>
#include <varscope/error.hpp>
#include <varscope/shape.hpp>
