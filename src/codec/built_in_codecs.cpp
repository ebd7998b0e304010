#include "smol/result.h"
