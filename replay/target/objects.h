/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects that were made for the program in this case, by where they lay when they were recorded. As long as
 * one is not freed, what lies at its address is the object itself: so two calls that gave the same pointer
 * give it again, and a buffer that a function fills anew at each call is one buffer.
 */
#pragma once

#include <stdint.h>

/* Its address, or 0: there is none of @len bytes that lay at @lay_at. *@is_early: it was made before the case
 * began, by a call of the start-up. */
uint64_t objects_find(uint64_t lay_at, uint32_t len, int *is_early);
/* Does nothing when @lay_at is 0, or there are too many. */
void objects_add(uint64_t lay_at, uint32_t len, uint64_t live);
/* Whether all of @len bytes at @addr lie in one that was not freed. */
int objects_hold(uint64_t addr, uint32_t len);
/*
 * The one that begins at most OBJECTS_HEADER behind @addr, where malloc gives nothing: an allocator on top of
 * it that keeps a header before what it gives, frees from there. 0: none. *@len is its length.
 */
#define OBJECTS_HEADER 16
uint64_t objects_behind(uint64_t addr, uint32_t *len);
/* The program frees @live. From any thread. */
void objects_forget(uint64_t live);
