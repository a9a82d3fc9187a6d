"""The VTN's mind: requests in, replies and store changes out; pure."""
